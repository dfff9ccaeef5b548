;; expect: guest:output-limit
;; Prints 8 MiB at once.
;; world wasi
(module
  (import "wasi:cli/stdout@0.2.6" "get-stdout" (func $stdout (result i32)))
  (import "wasi:io/streams@0.2.6" "[method]output-stream.blocking-write-and-flush" (func $write (param i32 i32 i32 i32)))
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (drop (memory.grow (i32.const 128)))
    (call $write (call $stdout) (i32.const 4096) (i32.const 0x80_0000) (i32.const 256))
    (i32.const 128)))
