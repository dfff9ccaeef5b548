;; expect: guest:malformed
;; Writes to a pollable.
;; world wasi
(module
  (import "wasi:clocks/monotonic-clock@0.2.6" "subscribe-duration" (func $wait (param i64) (result i32)))
  (import "wasi:io/streams@0.2.6" "[method]output-stream.blocking-write-and-flush" (func $write (param i32 i32 i32 i32)))
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (call $write (call $wait (i64.const 1)) (i32.const 96) (i32.const 5) (i32.const 256))
    (i32.const 128)))
