;; expect: host:stack
;; Two functions call each other through a table for ever, with eight locals in each frame.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (type $f (func (param i64) (result i64)))
  (table $table 2 2 funcref)
  (elem (table $table) (i32.const 0) func $ping $pong)
  (func $ping (param i64) (result i64) (local i64 i64 i64 i64 i64 i64 i64)
    (local.set 1 (i64.mul (local.get 0) (i64.const 3)))
    (i64.add (local.get 1) (call_indirect $table (type $f) (local.get 1) (i32.const 1))))
  (func $pong (param i64) (result i64)
    (i64.add (local.get 0) (call_indirect $table (type $f) (local.get 0) (i32.const 0))))
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (call_indirect $table (type $f) (i64.const 1) (i32.const 0))
    (i32.wrap_i64)))
