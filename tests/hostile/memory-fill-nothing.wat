;; expect: guest:out-of-fuel
;; Fills no bytes, for ever: each is a call into the engine.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (loop $more (memory.fill (i32.const 0) (i32.const 0) (i32.const 0)) (br $more))
    unreachable))
