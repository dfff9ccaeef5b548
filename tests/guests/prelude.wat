  ;; What every guest here has: a memory, a bump allocator, the import, a name. Addresses below 4096 are its own:
  ;; 16 its description, 128 what it returns (a result: 0 is ok; the decision or the error at 136).
  (import "quarterdeck:policy/logging@0.1.0" "log" (func $log (param i32 i32 i32)))
  (memory $memory (export "memory") 1)
  (global $top (mut i32) (i32.const 4096))
  (func $bump (param $align i32) (param $len i32) (result i32)
    (local $at i32) (local $more i32)
    (local.set $at (i32.and (i32.add (global.get $top) (i32.sub (local.get $align) (i32.const 1)))
                            (i32.sub (i32.const 0) (local.get $align))))
    (global.set $top (i32.add (local.get $at) (local.get $len)))
    (if (i32.gt_u (global.get $top) (i32.mul (memory.size) (i32.const 65536)))
      (then
        (local.set $more (i32.add (i32.shr_u (local.get $len) (i32.const 16)) (i32.const 4)))
        (if (i32.eq (memory.grow (local.get $more)) (i32.const -1)) (then unreachable))))
    (local.get $at))
  ;; name "guest", version "1.0.0"; no actions, operations, settings or memo
  (data (i32.const 16) "\60\00\00\00\05\00\00\00" "\65\00\00\00\05\00\00\00")
  (data (i32.const 96) "guest1.0.0")
