;; expect: guest:trap
;; Traps, as a panic without unwinding does.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    unreachable))
