;; expect: decided
;; Grows beyond the maximum that it declared itself: it is told "no", as WebAssembly has it, and that is no offence.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (memory $small 1 2)
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (if (i32.ne (memory.grow $small (i32.const 9)) (i32.const -1)) (then unreachable))
    (i32.const 128)))
