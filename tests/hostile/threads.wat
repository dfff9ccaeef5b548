;; expect: refused: compile the component
;; Memory that threads share.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (memory $shared 1 1 shared)
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (i32.const 128)))
