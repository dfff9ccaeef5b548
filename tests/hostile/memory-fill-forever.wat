;; expect: guest:out-of-fuel
;; Writes 16 MiB with one instruction, for ever: fuel must count bytes, or only the clock could end it.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (drop (memory.grow (i32.const 256)))
    (loop $forever
      (memory.fill (i32.const 0) (i32.const 0) (i32.const 16777216))
      (br $forever))
    unreachable))
