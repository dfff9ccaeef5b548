;; expect: guest:trap
;; Calls a function through a table by a type that it does not have.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (table $table 1 1 funcref)
  (elem (table $table) (i32.const 0) func $none)
  (func $none)
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (drop (call_indirect $table (param i64) (result i64) (i64.const 1) (i32.const 0)))
    (i32.const 128)))
