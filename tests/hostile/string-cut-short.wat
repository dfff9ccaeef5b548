;; expect: guest:malformed
;; A rationale that ends beyond the memory.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (i32.store (i32.const 144) (i32.const 65000))
    (i32.store (i32.const 148) (i32.const 4000))
    (i32.const 128)))
