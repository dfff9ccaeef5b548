;; expect: refused: compile the component
;; A memory that is larger than the budget from the start.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (memory $large 2000)
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (i32.const 128)))
