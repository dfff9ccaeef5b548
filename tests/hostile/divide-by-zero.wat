;; expect: guest:trap
;; Divides by zero.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (i32.div_u (i32.const 1) (i32.const 0))))
