;; expect: refused: name: empty
;; Has no name.
(module
  ;; include prelude
  ;; include allocator
  (func (export "quarterdeck:policy/decider@0.1.0#describe") (result i32)
    (i32.const 1024))
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (i32.const 128)))
