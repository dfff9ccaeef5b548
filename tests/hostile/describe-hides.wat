;; expect: refused: name: the character \u{202e}
;; Has a name that reads otherwise than it is.
(module
  ;; include prelude
  ;; include allocator
  (data (i32.const 96) "a\e2\80\ae b")
  (func (export "quarterdeck:policy/decider@0.1.0#describe") (result i32)
    (i32.const 16))
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (i32.const 128)))
