;; expect: guest:malformed
;; A rationale with an overlong encoding, which some decoders take for a slash.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (data (i32.const 256) "\c0\af")
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (i32.store (i32.const 144) (i32.const 256))
    (i32.store (i32.const 148) (i32.const 2))
    (i32.const 128)))
