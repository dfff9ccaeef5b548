;; expect: guest:malformed
;; Wants to look again at a time beyond 2^53 - 1.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (i32.store8 (i32.const 168) (i32.const 1))
    (i64.store (i32.const 176) (i64.const 0x20_0000_0000_0000))
    (i32.const 128)))
