;; expect: guest:malformed
;; A list of proposals at an address that no record may have.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (i32.store (i32.const 136) (i32.const 4097))
    (i32.store (i32.const 140) (i32.const 1))
    (i32.const 128)))
