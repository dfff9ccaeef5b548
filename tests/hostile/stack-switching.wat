;; expect: refused: compile the component
;; Makes a stack of its own: no limit of ours counts it.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (type $f (func))
  (type $c (cont $f))
  (func $none)
  (elem declare func $none)
  (func (drop (cont.new $c (ref.func $none))))
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (i32.const 128)))
