;; expect: refused: guest:out-of-fuel
;; Its start function never ends: instantiating needs the limits too.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func $start (loop $forever (br $forever)))
  (start $start)
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (i32.const 128)))
