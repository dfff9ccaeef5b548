;; expect: refused: compile the component
;; A small number as a reference: no heap, but the same proposal.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func (result i31ref) (ref.i31 (i32.const 1)))
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (i32.const 128)))
