;; expect: guest:output-limit
;; Asks for 2^62 zeroes to be printed: it has to copy none of them, and the host all.
;; world wasi
(module
  (import "wasi:cli/stdout@0.2.6" "get-stdout" (func $stdout (result i32)))
  (import "wasi:io/streams@0.2.6" "[method]output-stream.write-zeroes" (func $zeroes (param i32 i64 i32)))
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (call $zeroes (call $stdout) (i64.const 0x4000_0000_0000_0000) (i32.const 256))
    (i32.const 128)))
