;; expect: refused: guest:memory-limit
;; Its start function takes all memory.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func $start (loop $more (drop (memory.grow (i32.const 64))) (br $more)))
  (start $start)
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (i32.const 128)))
