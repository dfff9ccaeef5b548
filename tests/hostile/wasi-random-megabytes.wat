;; expect: guest:out-of-fuel
;; Draws a megabyte of random bytes for ever, into the same place: each call is within its limit.
;; world wasi
(module
  (import "wasi:random/random@0.2.6" "get-random-bytes" (func $bytes (param i64 i32)))
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (drop (memory.grow (i32.const 32)))
    (loop $more
      (call $bytes (i64.const 0x10_0000) (i32.const 256))
      (global.set $top (i32.const 4096))
      (br $more))
    unreachable))
