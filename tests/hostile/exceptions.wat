;; expect: refused: compile the component
;; Throws an exception: unwinding that no fuel counts, and a heap for what is thrown.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (tag $tag (param i32))
  (func (throw $tag (i32.const 1)))
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (i32.const 128)))
