package dev.beamwright.tornado;

import dev.beamwright.tensor.DType;
import dev.beamwright.tensor.Storage;
import dev.beamwright.tensor.Tensor;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;

/**
 * The notes of one walk through a captured body: the calls in order, what the program put into tensors, and what it
 * wants to read.
 */
final class Recording {
    /** What a tensor is to the body. */
    enum Kind {
        /** Held on the device from run to run, such as a parameter: the body finds something in it. */
        RESIDENT,
        /** Put in anew by the program at each run. */
        INPUT,
        /** Made by the body itself. */
        SCRATCH
    }

    /** A tensor of the body: its number in the order of first use. */
    static final class Slot {
        final int number;
        final Storage storage;
        final DType type;
        Kind kind;
        boolean written, output;

        Slot(int number, Storage storage, DType type) {
            this.number = number;
            this.storage = storage;
            this.type = type;
        }

        long bytes() {
            return storage.data().byteSize();
        }
    }

    private record Read(Tensor tensor, Runnable then) {}

    private final List<Call> noted = new ArrayList<>();
    private final Map<Storage, Boolean> inputs = new IdentityHashMap<>();
    private final List<Read> reads = new ArrayList<>();

    /** All tensors, in the order of first use; made by {@link #close}. */
    final List<Slot> slots = new ArrayList<>();
    private final Map<Storage, Slot> slotOf = new IdentityHashMap<>();
    /** The calls that are left. */
    List<Call> calls;
    /** The same at every walk that may use the same program. */
    List<Object> signature;

    void note(Call call) {
        noted.add(call);
    }

    void written(Tensor t) {
        inputs.put(t.storage(), true);
    }

    void read(Tensor t, Runnable then) {
        reads.add(new Read(t, then));
    }

    Slot slot(Tensor t) {
        return slotOf.get(t.storage());
    }

    /** Ends the walk: leaves out what has no effect, and says what each tensor is. */
    void close() {
        calls = withoutClearing(noted);
        for (Call call : calls) {
            int place = 0, writes = call.kernel().writes();
            // What is read counts before what is overwritten.
            for (Object a : call.arguments()) {
                if (a instanceof Tensor t && (place++ < call.kept() || place > writes)) use(t);
            }
            place = 0;
            for (Object a : call.arguments()) {
                if (!(a instanceof Tensor t) || place++ >= writes) continue;
                Slot s = slotOf.get(t.storage());
                if (s == null) (s = add(t)).kind = Kind.SCRATCH;
                s.written = true;
            }
        }
        for (Read r : reads) {
            Slot s = slotOf.get(r.tensor.storage());
            if (s != null && s.written) s.output = true;
        }
        sign();
    }

    private void use(Tensor t) {
        if (slotOf.containsKey(t.storage())) return;
        add(t).kind = inputs.containsKey(t.storage()) ? Kind.INPUT : Kind.RESIDENT;
    }

    private Slot add(Tensor t) {
        var s = new Slot(slots.size(), t.storage(), t.dtype());
        slots.add(s);
        slotOf.put(t.storage(), s);
        return s;
    }

    /**
     * A tensor that is filled with 0 and then added to need not be filled if that first call overwrites it; one that is
     * filled and then overwritten, neither.
     */
    private static List<Call> withoutClearing(List<Call> noted) {
        List<Call> kept = new ArrayList<>(noted);
        Map<Storage, Integer> cleared = new IdentityHashMap<>(); // by the number of the call that fills it
        for (int i = 0; i < kept.size(); i++) {
            Call call = kept.get(i);
            int place = 0, writes = call.kernel().writes();
            for (Object a : call.arguments()) {
                if (!(a instanceof Tensor t)) continue;
                Integer fill = cleared.remove(t.storage());
                if (fill != null) {
                    if (place == 0 && call.adds()) {
                        kept.set(i, call.overwriting());
                        kept.set(fill, null);
                    } else if (place < writes && place >= call.kept()) {
                        kept.set(fill, null);
                    }
                }
                place++;
            }
            boolean clears = call.kernel() == Kernels.FILL && (float) call.arguments()[1] == 0;
            if (clears) cleared.put(call.tensor(0).storage(), i);
        }
        kept.removeIf(c -> c == null);
        return kept;
    }

    /** Kernels, numbers and tensors by their numbers; tensors by kind and size, those that stay by identity. */
    private void sign() {
        signature = new ArrayList<>();
        for (Call call : calls) {
            signature.add(call.kernel().name());
            for (Object a : call.arguments()) signature.add(a instanceof Tensor t ? slot(t).number : a);
        }
        for (Slot s : slots) {
            signature.add(s.kind);
            signature.add(s.bytes());
            signature.add(s.output);
            if (s.kind == Kind.RESIDENT) signature.add(new Same(s.storage));
        }
    }

    /** Equal only to the very same storage. */
    private record Same(Storage storage) {
        @Override
        public boolean equals(Object o) {
            return o instanceof Same(Storage other) && other == storage;
        }

        @Override
        public int hashCode() {
            return System.identityHashCode(storage);
        }
    }

    /** Gives the program what it wanted to read. */
    void answer() {
        for (Read r : reads) r.then.run();
    }
}
