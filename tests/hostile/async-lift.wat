;; expect: refused: compile the component
;; Answers by the async calls of the component model: nothing may go on beside a decision.
(component
  (core module $m (func (export "f") (result i32) (i32.const 0)))
  (core instance $m (instantiate $m))
  (func $f (canon lift (core func $m "f") async (callback (core func $m "f"))))
  (instance $i (export "decide" (func $f)) (export "describe" (func $f)))
  (export "quarterdeck:policy/decider@0.1.0" (instance $i)))
