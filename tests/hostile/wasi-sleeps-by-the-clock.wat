;; expect: guest:out-of-fuel
;; Looks at the clock until a second has passed: the clock stands still.
;; world wasi
(module
  (import "wasi:clocks/monotonic-clock@0.2.6" "now" (func $now (result i64)))
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (local $until i64)
    (local.set $until (i64.add (call $now) (i64.const 1_000_000_000)))
    (loop $more (br_if $more (i64.lt_u (call $now) (local.get $until))))
    (i32.const 128)))
