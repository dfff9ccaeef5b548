;; expect: guest:out-of-fuel
;; Draws random numbers a million times: little fuel, much of the host's time.
;; world wasi
(module
  (import "wasi:random/random@0.2.6" "get-random-u64" (func $u64 (result i64)))
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (local $i i32)
    (loop $more
      (drop (call $u64))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $more (i32.lt_u (local.get $i) (i32.const 1_000_000))))
    (i32.const 128)))
