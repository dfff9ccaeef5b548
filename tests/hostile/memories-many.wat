;; expect: refused: compile the component
;; More memories than a component may have.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (memory 1)
  (memory 1)
  (memory 1)
  (memory 1)
  (memory 1)
  (memory 1)
  (memory 1)
  (memory 1)
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (i32.const 128)))
