package dev.beamwright.tornado;

import dev.beamwright.tensor.Storage;
import dev.beamwright.tensor.Tensor;
import dev.beamwright.tensor.Workspace;
import dev.beamwright.tornado.Recording.Kind;
import dev.beamwright.tornado.Recording.Slot;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;

/**
 * Runs calls on the device: those of a captured body as one {@link Program}, others one by one. Keeps account of which
 * tensors the device holds in a newer state than the host, so that whoever uses both ways sees the same values.
 */
class DeviceRunner implements Runner {
    private final int mostTasks;
    private final Limits limits;
    private final boolean blocks;
    private final Eager eager = new Eager();
    private final ThreadLocal<Recording> recording = new ThreadLocal<>();
    private final ThreadLocal<Workspace> scratch = ThreadLocal.withInitial(Workspace::new);

    private Home home = new Home();
    private final Map<List<Object>, Program> programs = new HashMap<>();
    /** What the device has in a newer state, and a program by which it can be fetched. */
    private final Map<Storage, Program> newer = new IdentityHashMap<>();
    private Program last;
    /**
     * Where memory lies that some program left on the device for good, by address, and whose memory it is: when that has
     * been given back, the address may come again for something else.
     */
    private final Map<Long, WeakReference<MemorySegment.Scope>> lost = new HashMap<>();

    /**
     * Runs on the device that TornadoVM names first.
     *
     * @param mostTasks of one task graph
     * @param limits of the device
     * @param blocks whether kernels that work in blocks are wanted where they fit
     */
    DeviceRunner(int mostTasks, Limits limits, boolean blocks) {
        this.mostTasks = mostTasks;
        this.limits = limits;
        this.blocks = blocks;
    }

    @Override
    public void run(Call call) {
        limits.check(call.kernel());
        if (noting()) recording.get().note(call);
        else runNow(call);
    }

    private synchronized void runNow(Call call) {
        int place = 0;
        for (Object a : call.arguments()) {
            if (!(a instanceof Tensor t)) continue;
            boolean written = place < call.kernel().writes();
            if (!written || place < call.kept()) fetch(t.storage());
            if (written) changed(t.storage());
            place++;
        }
        eager.run(call);
    }

    @Override
    public boolean records() {
        return true;
    }

    @Override
    public boolean noting() {
        return recording.get() != null;
    }

    @Override
    public boolean fits(Kernel kernel) {
        return blocks && limits.allow(kernel);
    }

    @Override
    public SegmentAllocator scratch() {
        return noting() ? scratch.get() : Arena.ofAuto();
    }

    @Override
    public void captured(Runnable body) {
        if (noting()) { // part of a greater one
            body.run();
            return;
        }
        var walk = new Recording();
        scratch.get().reset();
        recording.set(walk);
        try {
            body.run();
        } finally {
            recording.remove();
        }
        walk.close();
        runNow(walk);
        walk.answer();
    }

    private synchronized void runNow(Recording walk) {
        if (walk.calls.isEmpty()) return;
        for (Slot s : walk.slots) {
            if (s.kind == Kind.RESIDENT && !home.holds(s.storage)) checkNotLost(s.storage);
        }
        Program program = programs.get(walk.signature);
        if (program == null) {
            dropTheDead();
            program = new Program(walk, home, mostTasks);
            programs.put(walk.signature, program);
        }
        program.run(walk);
        last = program;
        for (Slot s : walk.slots) {
            if (s.kind == Kind.RESIDENT && s.written) {
                if (s.output) newer.remove(s.storage);
                else newer.put(s.storage, program);
            }
            if (s.kind == Kind.SCRATCH) {
                if (s.output) lost.remove(s.storage.data().address());
                else lost.put(s.storage.data().address(), new WeakReference<>(s.storage.data().scope()));
            }
        }
    }

    private void checkNotLost(Storage storage) {
        var owner = lost.get(storage.data().address());
        if (owner != null && storage.data().scope().equals(owner.get())) {
            throw new IllegalStateException(
                    "a tensor is read that a captured body made on the device and did not give to"
                            + " the program; call Backend.read in that body");
        }
    }

    @Override
    public synchronized int[] lastProgram() {
        return last == null ? new int[2] : new int[] {last.tasks(), last.graphs()};
    }

    @Override
    public void written(Tensor t) {
        if (noting()) {
            recording.get().written(t);
            return;
        }
        synchronized (this) {
            changed(t.storage());
        }
    }

    @Override
    public void read(Tensor t, Runnable then) {
        if (noting()) {
            recording.get().read(t, then);
            return;
        }
        synchronized (this) {
            fetch(t.storage());
        }
        then.run();
    }

    private void fetch(Storage storage) {
        Program program = newer.remove(storage);
        if (program != null) program.download(home, storage);
        else checkNotLost(storage);
    }

    /** The host has changed what may be on the device. */
    private void changed(Storage storage) {
        lost.remove(storage.data().address());
        if (home.holds(storage)) forget();
    }

    /** Gives everything back to the host; what is captured next begins anew. */
    private void forget() {
        for (Storage s : new ArrayList<>(newer.keySet())) {
            if (s.whole().scope().isAlive()) fetch(s);
        }
        newer.clear();
        programs.values().stream().max(Comparator.comparingInt(Program::shared)).ifPresent(Program::closeHome);
        programs.values().forEach(Program::close);
        programs.clear();
        home = new Home();
    }

    /** Memory of models that are gone must not stay on the device, nor be taken for that of new ones. */
    private void dropTheDead() {
        for (Program p : programs.values()) {
            for (Storage s : p.residents()) {
                if (!s.whole().scope().isAlive()) {
                    forget();
                    return;
                }
            }
        }
    }
}
