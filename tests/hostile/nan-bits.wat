;; expect: decided
;; Makes NaNs in several ways and looks at their bits, which processors choose differently: there is one NaN.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (local $zero f64)
    (if (i64.ne (i64.reinterpret_f64 (f64.div (local.get $zero) (local.get $zero))) (i64.const 0x7ff8000000000000)) (then unreachable))
    (if (i64.ne (i64.reinterpret_f64 (f64.sqrt (f64.const -1))) (i64.const 0x7ff8000000000000)) (then unreachable))
    (if (i64.ne (i64.reinterpret_f64 (f64.add (f64.const nan:0x4000000000001) (local.get $zero))) (i64.const 0x7ff8000000000000)) (then unreachable))
    (if (i32.ne (i32.reinterpret_f32 (f32.sub (f32.const inf) (f32.const inf))) (i32.const 0x7fc00000)) (then unreachable))
    (i32.const 128)))
