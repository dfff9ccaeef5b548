;; expect: guest:log-flood
;; Prints lines for ever.
;; world wasi
(module
  (import "wasi:cli/stdout@0.2.6" "get-stdout" (func $stdout (result i32)))
  (import "wasi:io/streams@0.2.6" "[method]output-stream.blocking-write-and-flush" (func $write (param i32 i32 i32 i32)))
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (local $out i32)
    (local.set $out (call $stdout))
    (memory.fill (i32.const 1024) (i32.const 10) (i32.const 1024))
    (loop $more
      (call $write (local.get $out) (i32.const 1024) (i32.const 1024) (i32.const 256))
      (br $more))
    unreachable))
