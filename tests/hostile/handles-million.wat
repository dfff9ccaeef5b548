;; expect: guest:memory-limit
;; Makes handles of a resource of its own and keeps them: no memory of the guest, but of the host.
;; world hoard
(module
  (import "[export]quarterdeck:policy/hoards@0.1.0" "[resource-new]coin" (func $coin (param i32) (result i32)))
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func (export "quarterdeck:policy/hoards@0.1.0#[constructor]coin") (result i32) (i32.const 7))
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (loop $more (drop (call $coin (i32.const 7))) (br $more))
    unreachable))
