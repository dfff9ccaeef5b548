;; expect: refused: memory64 must be enabled
;; A memory with 64-bit addresses.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (memory $wide i64 1)
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (i32.const 128)))
