;; expect: guest:out-of-fuel
;; Fills a table of 50,000 elements with one instruction, for ever.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (table $table 50000 funcref)
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (loop $more (table.fill $table (i32.const 0) (ref.null func) (i32.const 50000)) (br $more))
    unreachable))
