;; expect: refused: relaxed SIMD
;; An instruction whose result is left to the processor: a replay elsewhere could differ.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func (param v128 v128 v128) (result v128)
    (f32x4.relaxed_madd (local.get 0) (local.get 1) (local.get 2)))
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (i32.const 128)))
