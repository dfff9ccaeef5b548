;; expect: guest:log-flood
;; Prints one line that never ends, 64 KiB at a time: what is kept of it must not grow.
;; world wasi
(module
  (import "wasi:cli/stderr@0.2.6" "get-stderr" (func $stderr (result i32)))
  (import "wasi:io/streams@0.2.6" "[method]output-stream.blocking-write-and-flush" (func $write (param i32 i32 i32 i32)))
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (local $err i32)
    (local.set $err (call $stderr))
    (drop (memory.grow (i32.const 2)))
    (memory.fill (i32.const 65536) (i32.const 0x78) (i32.const 65536))
    (loop $more
      (call $write (local.get $err) (i32.const 65536) (i32.const 65536) (i32.const 256))
      (br $more))
    unreachable))
