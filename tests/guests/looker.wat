;; Looks at the wall clock, wants to look again at that very time, and prints: a line, the beginning of a second, and one
;; line to its standard error.
;; world wasi
(module
  (import "wasi:clocks/wall-clock@0.2.6" "now" (func $wall (param i32)))
  (import "wasi:cli/stdout@0.2.6" "get-stdout" (func $stdout (result i32)))
  (import "wasi:cli/stderr@0.2.6" "get-stderr" (func $stderr (result i32)))
  (import "wasi:io/streams@0.2.6" "[method]output-stream.blocking-write-and-flush" (func $write (param i32 i32 i32 i32)))
  ;; include prelude
  ;; include allocator
  ;; include describe
  (data (i32.const 256) "clear\1b[2J\r\nbegun" "\ff\n")
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (call $write (call $stdout) (i32.const 256) (i32.const 16) (i32.const 528))
    (call $write (call $stderr) (i32.const 272) (i32.const 2) (i32.const 528))
    (call $wall (i32.const 512))
    (i32.store8 (i32.const 168) (i32.const 1))
    (i64.store (i32.const 176)
      (i64.add (i64.mul (i64.load (i32.const 512)) (i64.const 1_000))
               (i64.div_u (i64.load32_u (i32.const 520)) (i64.const 1_000_000))))
    (i32.const 128)))
