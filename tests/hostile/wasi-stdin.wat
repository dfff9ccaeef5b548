;; expect: decided
;; Reads its standard input and moves it to its output: it has ended, and nobody waits for it.
;; world wasi
(module
  (import "wasi:cli/stdin@0.2.6" "get-stdin" (func $stdin (result i32)))
  (import "wasi:io/streams@0.2.6" "[method]input-stream.blocking-read" (func $read (param i32 i64 i32)))
  (import "wasi:cli/stdout@0.2.6" "get-stdout" (func $stdout (result i32)))
  (import "wasi:io/streams@0.2.6" "[method]output-stream.splice" (func $splice (param i32 i32 i64 i32)))
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (call $read (call $stdin) (i64.const 1_000) (i32.const 256))
    ;; An error, and of it the case `closed`.
    (if (i32.ne (i32.load8_u (i32.const 256)) (i32.const 1)) (then unreachable))
    (if (i32.ne (i32.load8_u (i32.const 260)) (i32.const 1)) (then unreachable))
    (call $splice (call $stdout) (call $stdin) (i64.const 1_000) (i32.const 256))
    (if (i32.ne (i32.load8_u (i32.const 256)) (i32.const 1)) (then unreachable))
    (i32.const 128)))
