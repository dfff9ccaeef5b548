;; expect: guest:malformed
;; Neither ok nor error.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (i32.store8 (i32.const 128) (i32.const 7))
    (i32.const 128)))
