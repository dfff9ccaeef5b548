;; expect: guest:malformed
;; A rationale that is no UTF-8.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (data (i32.const 200) "\ff\fe\80")
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (i32.store (i32.const 144) (i32.const 200))
    (i32.store (i32.const 148) (i32.const 3))
    (i32.const 128)))
