;; expect: guest:out-of-fuel
;; Calls itself in tail position for ever: no stack is used, and fuel must see it.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func $again (param i32) (result i32) (return_call $again (local.get 0)))
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (return_call $again (local.get 0))))
