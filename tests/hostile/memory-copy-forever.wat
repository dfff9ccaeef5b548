;; expect: guest:out-of-fuel
;; Copies 16 MiB with one instruction, for ever.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (drop (memory.grow (i32.const 512)))
    (loop $more (memory.copy (i32.const 0x100_0000) (i32.const 0) (i32.const 0x100_0000)) (br $more))
    unreachable))
