;; expect: refused: compile the component
;; A struct on a collector's heap.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (type $pair (struct (field i32) (field i32)))
  (func (result (ref $pair)) (struct.new_default $pair))
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (i32.const 128)))
