package dev.beamwright.tornado;

import dev.beamwright.tensor.Storage;
import dev.beamwright.tensor.Tensor;
import dev.beamwright.tornado.Recording.Kind;
import dev.beamwright.tornado.Recording.Slot;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.ImmutableTaskGraph;
import uk.ac.manchester.tornado.api.TaskGraph;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.WorkerGrid;
import uk.ac.manchester.tornado.api.enums.DataTransferMode;
import uk.ac.manchester.tornado.api.exceptions.TornadoInternalError;

/**
 * A captured body as task graphs that can be run again and again. A graph has limits, so the calls are cut into several;
 * what more than one of them uses is held by home graphs, see {@link Home}. Inputs go to every graph that reads them,
 * outputs come from the last one that writes them.
 */
final class Program implements AutoCloseable {
    /** All work graphs have one name: then TornadoVM compiles equal tasks of different graphs once. */
    static final String NAME = "step";

    private static final int MOST_NODES = 1024, MOST_BYTES = 8192;

    private final Arena memory = Arena.ofShared();
    private final Recording recording;
    private final Object[] arrays; // of the slots
    private final Storage[] staging; // of inputs and outputs, by slot
    private final List<List<Call>> parts;
    private final TornadoExecutionPlan plan;
    private final int shared, homes; // home graphs of all programs, and these with the ones of this program alone
    private final int[] graphOf; // by slot: the last graph that touches it
    private boolean ready;

    /**
     * Builds the graphs.
     *
     * @param home of what stays on the device; gets a new graph for what it does not hold yet
     * @param mostTasks of one graph
     */
    Program(Recording recording, Home home, int mostTasks) {
        this.recording = recording;
        List<Slot> slots = recording.slots;
        arrays = new Object[slots.size()];
        staging = new Storage[slots.size()];
        graphOf = new int[slots.size()];
        long largest = 4;
        for (Slot s : slots) if (s.kind == Kind.SCRATCH && !s.output) largest = Math.max(largest, s.bytes());
        // Scratch is never copied to or from the host, so one piece of its memory stands for all of them.
        var nowhere = Storage.allocate(memory, largest);
        for (Slot s : slots) {
            if (s.kind == Kind.RESIDENT) continue;
            Storage host;
            if (s.kind == Kind.INPUT || s.output) {
                host = staging[s.number] = Storage.allocate(memory, s.bytes());
            } else {
                MemorySegment whole = nowhere.whole().asSlice(0, Storage.ALIGNMENT + s.bytes());
                host = new Storage(whole, whole.asSlice(Storage.ALIGNMENT));
            }
            arrays[s.number] = NativeArrays.wrap(host, s.type);
        }
        List<Slot> residents = slots.stream().filter(s -> s.kind == Kind.RESIDENT).toList();
        home.add(residents);
        for (Slot s : residents) arrays[s.number] = home.array(s.storage);

        parts = split(recording.calls, mostTasks);
        int[] first = new int[slots.size()];
        Arrays.fill(first, -1);
        for (int g = 0; g < parts.size(); g++) {
            for (Call call : parts.get(g)) {
                for (Object a : call.arguments()) {
                    if (!(a instanceof Tensor t)) continue;
                    int n = recording.slot(t).number;
                    if (first[n] < 0) first[n] = g;
                    graphOf[n] = g;
                }
            }
        }
        List<Object> crossing = new ArrayList<>();
        for (Slot s : slots) {
            if (s.kind == Kind.SCRATCH && first[s.number] != graphOf[s.number]) crossing.add(arrays[s.number]);
        }
        List<ImmutableTaskGraph> graphs = new ArrayList<>(home.graphs());
        shared = graphs.size();
        graphs.addAll(home.further(crossing));
        homes = graphs.size();
        Set<Object> held = Collections.newSetFromMap(new IdentityHashMap<>());
        held.addAll(crossing);
        for (Slot s : residents) held.add(arrays[s.number]);
        var grids = new GridScheduler();
        boolean anyGrid = false;
        for (int g = 0; g < parts.size(); g++) anyGrid |= addGraph(graphs, g, held, home, grids);
        plan = new TornadoExecutionPlan(graphs.toArray(ImmutableTaskGraph[]::new));
        if (anyGrid) plan.withGridScheduler(grids); // an empty one is refused
        if (Devices.cudaGraphs()) plan.withCUDAGraph();
    }

    private boolean addGraph(List<ImmutableTaskGraph> graphs, int g, Set<Object> held, Home home, GridScheduler grids) {
        var graph = new TaskGraph(NAME);
        Set<Object> used = Collections.newSetFromMap(new IdentityHashMap<>());
        for (Call call : parts.get(g)) {
            for (Object a : call.arguments()) {
                if (!(a instanceof Tensor t)) continue;
                Slot s = recording.slot(t);
                Object array = arrays[s.number];
                if (!used.add(array)) continue;
                if (held.contains(array)) graph.consumeFromDevice(Home.NAME, array);
                else if (s.kind == Kind.INPUT) graph.transferToDevice(DataTransferMode.EVERY_EXECUTION, array);
                // Else TornadoVM would allocate it as the first task uses it, write-only, and later tasks read it.
                else graph.transferToDevice(DataTransferMode.UNDER_DEMAND, array);
            }
        }
        // TornadoVM takes over arrays from whichever graph ran before: after a work graph, the link alone.
        graph.consumeFromDevice(Home.NAME, home.link());
        graph.consumeFromDevice(NAME, home.link());
        Map<String, Integer> seen = new HashMap<>();
        boolean anyGrid = false;
        for (Call call : parts.get(g)) {
            Object[] arguments = call.arguments().clone();
            for (int i = 0; i < arguments.length; i++) {
                if (arguments[i] instanceof Tensor t) arguments[i] = arrays[recording.slot(t).number];
            }
            String id = id(call), unique = id + "_" + seen.merge(id, 1, Integer::sum);
            call.kernel().addTo(graph, unique, arguments);
            if (call.grid() != null) {
                grids.addWorkerGrid(NAME + "." + unique, call.grid());
                anyGrid = true;
            }
        }
        for (Slot s : recording.slots) {
            if (s.output && graphOf[s.number] == g) {
                graph.transferToHost(DataTransferMode.EVERY_EXECUTION, arrays[s.number]);
            }
        }
        graphs.add(graph.snapshot());
        return anyGrid;
    }

    /** The kernel, its numbers and its grid: what the compiled code depends on. */
    static String id(Call call) {
        var id = new StringBuilder(call.kernel().name());
        for (Object a : call.arguments()) if (a instanceof Number) id.append('_').append(a);
        if (call.grid() != null) {
            WorkerGrid grid = call.grid();
            for (long g : grid.getGlobalWork()) id.append("_g").append(g);
        }
        return id.toString().replace('.', 'p').replace('-', 'm').replace('+', 'p');
    }

    /** Cuts the calls so that no graph has too many tasks, nodes or bytes of bytecode; see docs/tornadovm.md. */
    private static List<List<Call>> split(List<Call> calls, int mostTasks) {
        List<List<Call>> parts = new ArrayList<>();
        List<Call> part = new ArrayList<>();
        Set<Object> used = Collections.newSetFromMap(new IdentityHashMap<>());
        Set<Object> numbers = new HashSet<>();
        int taskNodes = 0, bytes = 0;
        for (Call call : calls) {
            for (Object a : call.arguments()) {
                if (a instanceof Tensor t) used.add(t.storage());
                else numbers.add(a);
            }
            taskNodes += 2 + call.kernel().writes();
            bytes += 15 + 5 * call.arguments().length;
            int nodes = 2 + numbers.size() + 4 * used.size() + 2 + taskNodes;
            if (!part.isEmpty() && (part.size() == mostTasks || nodes > MOST_NODES || bytes > MOST_BYTES)) {
                parts.add(part);
                part = new ArrayList<>();
                used.clear();
                numbers.clear();
                for (Object a : call.arguments()) {
                    if (a instanceof Tensor t) used.add(t.storage());
                    else numbers.add(a);
                }
                taskNodes = 2 + call.kernel().writes();
                bytes = 15 + 5 * call.arguments().length;
            }
            part.add(call);
        }
        if (!part.isEmpty()) parts.add(part);
        return parts;
    }

    /** Runs it for another walk through the same body. */
    void run(Recording walk) {
        for (Slot s : walk.slots) {
            if (s.kind == Kind.INPUT) staging[s.number].data().copyFrom(s.storage.data());
        }
        for (int g = 0; g < parts.size(); g++) {
            if (!ready) for (int h = g == 0 ? 0 : homes - 1; h < homes; h++) execute(h, List.of());
            execute(homes + g, parts.get(g));
        }
        ready = true;
        for (Slot s : walk.slots) {
            if (s.output && s.kind != Kind.RESIDENT) s.storage.data().copyFrom(staging[s.number].data());
        }
    }

    private void execute(int graph, List<Call> calls) {
        try {
            plan.withGraph(graph).execute();
        } catch (RuntimeException e) {
            throw Failures.of(e, calls);
        }
    }

    /** What of it stays on the device from run to run. */
    List<Storage> residents() {
        return recording.slots.stream().filter(s -> s.kind == Kind.RESIDENT).map(s -> s.storage).toList();
    }

    int tasks() {
        return recording.calls.size();
    }

    int graphs() {
        return parts.size();
    }

    /** Copies what stays on the device back to its memory on the host. */
    void download(Home home, Storage storage) {
        home.download(plan, storage);
        execute(homes - 1, List.of()); // the next work graph takes over its arrays from the last home graph, all of them
    }

    /** How many of its home graphs it shares with other programs. */
    int shared() {
        return shared;
    }

    /** Gives back what the home graphs hold that all programs share; to be called once, for the one that has most. */
    void closeHome() {
        for (int g = 0; g < shared; g++) free(g);
    }

    /** Gives back what belongs to this program alone. */
    @Override
    public void close() {
        for (int g = shared; g < homes + parts.size(); g++) free(g);
        memory.close();
    }

    private void free(int graph) {
        try {
            plan.withGraph(graph).freeDeviceMemory();
        } catch (TornadoInternalError e) {
            // An output that a home graph owns was given back with that one, and TornadoVM minds the second time.
        }
    }
}
