;; expect: guest:output-limit
;; Asks for 2^40 random bytes at once.
;; world wasi
(module
  (import "wasi:random/random@0.2.6" "get-random-bytes" (func $bytes (param i64 i32)))
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (call $bytes (i64.const 0x100_0000_0000) (i32.const 256))
    (i32.const 128)))
