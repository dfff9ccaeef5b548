;; expect: decided
;; Leaves a mark in memory, table and global and looks for it in its next decision: there must be none.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (table $table 1 funcref)
  (global $mark (mut i32) (i32.const 0))
  (func $none)
  (elem declare func $none)
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (if (global.get $mark) (then unreachable))
    (if (i32.load (i32.const 1024)) (then unreachable))
    (if (i32.eqz (ref.is_null (table.get $table (i32.const 0)))) (then unreachable))
    (global.set $mark (i32.const 1))
    (i32.store (i32.const 1024) (i32.const 1))
    (table.set $table (i32.const 0) (ref.func $none))
    (i32.const 128)))
