;; expect: guest:malformed
;; A rationale with half a surrogate pair, which is no character.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (data (i32.const 256) "\ed\a0\80")
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (i32.store (i32.const 144) (i32.const 256))
    (i32.store (i32.const 148) (i32.const 3))
    (i32.const 128)))
