;; expect: refused: guest:out-of-fuel
;; Never says what it is.
(module
  ;; include prelude
  ;; include allocator
  (func (export "quarterdeck:policy/decider@0.1.0#describe") (result i32)
    (loop $forever (br $forever)) unreachable)
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (i32.const 128)))
