package dev.beamwright.tornado;

import dev.beamwright.tensor.DeviceException;
import dev.beamwright.tensor.Storage;
import dev.beamwright.tornado.Recording.Slot;
import dev.beamwright.tornado.kernel.Hold;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import uk.ac.manchester.tornado.api.ImmutableTaskGraph;
import uk.ac.manchester.tornado.api.TaskGraph;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.enums.DataTransferMode;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * What stays on the device: graphs that own arrays, upload them when they are first executed, and hand them on. A graph
 * holds at most 1,024 nodes, three for each array of its own and one for each that is passed through, so there may be
 * several, each of which passes on what the ones before it hold. The same home graphs stand in the plans of all programs;
 * that is how these share parameters.
 *
 * <p>Every home graph also passes on the link, an array of one element: TornadoVM takes over consumed arrays from
 * whichever graph was executed last, and after a work graph that is to be the link alone.
 */
final class Home {
    /** The name of every home graph. */
    static final String NAME = "home";

    private static final int MOST_NODES = 960; // less the nodes of the tasks that hold the arrays

    private final FloatArray link = new FloatArray(1);
    private final List<ImmutableTaskGraph> graphs = new ArrayList<>();
    private final List<Object> held = new ArrayList<>();
    private final Map<Storage, Object> arrays = new IdentityHashMap<>();
    private final Map<Storage, Integer> owners = new IdentityHashMap<>();

    FloatArray link() {
        return link;
    }

    List<ImmutableTaskGraph> graphs() {
        if (graphs.isEmpty()) graphs.addAll(chain(List.of(), true));
        return graphs;
    }

    boolean holds(Storage storage) {
        return arrays.containsKey(storage);
    }

    Object array(Storage storage) {
        return arrays.get(storage);
    }

    /** Takes in what it does not hold yet. */
    void add(List<Slot> residents) {
        List<Slot> news = residents.stream().filter(s -> !holds(s.storage)).toList();
        if (news.isEmpty()) return;
        List<Object> wrapped = new ArrayList<>();
        for (Slot s : news) {
            Object array = NativeArrays.wrap(s.storage, s.type);
            arrays.put(s.storage, array);
            wrapped.add(array);
        }
        int before = graphs.size(), done = 0;
        List<List<Object>> slices = slices(wrapped);
        for (List<Object> slice : slices) {
            for (int i = 0; i < slice.size(); i++) owners.put(news.get(done++).storage, before);
            before++;
        }
        for (List<Object> slice : slices) {
            graphs.add(graph(slice, graphs.isEmpty()));
            held.addAll(slice);
        }
    }

    /** Home graphs of one program alone, for arrays that only its own graphs share. */
    List<ImmutableTaskGraph> further(List<Object> shared) {
        return shared.isEmpty() ? List.of() : chain(shared, false);
    }

    private List<ImmutableTaskGraph> chain(List<Object> own, boolean first) {
        List<ImmutableTaskGraph> chain = new ArrayList<>();
        int before = held.size();
        for (List<Object> slice : own.isEmpty() ? List.of(own) : slices(own)) {
            chain.add(graph(slice, first && chain.isEmpty()));
            held.addAll(slice);
        }
        held.subList(before, held.size()).clear();
        return chain;
    }

    private List<List<Object>> slices(List<Object> own) {
        List<List<Object>> slices = new ArrayList<>();
        List<Object> slice = new ArrayList<>();
        int passed = held.size();
        for (Object array : own) {
            if (passed + 3 * (slice.size() + 1) + 16 > MOST_NODES) {
                passed += slice.size();
                slices.add(slice);
                slice = new ArrayList<>();
                if (passed + 3 + 16 > MOST_NODES) {
                    throw new DeviceException("a captured step shares more than " + passed
                            + " tensors between its graphs, more than TornadoVM's graphs can hold; train a model of"
                            + " fewer layers on the device");
                }
            }
            slice.add(array);
        }
        slices.add(slice);
        return slices;
    }

    private ImmutableTaskGraph graph(List<Object> own, boolean first) {
        var graph = new TaskGraph(NAME);
        if (first) {
            graph.transferToDevice(DataTransferMode.FIRST_EXECUTION, link);
        } else {
            graph.consumeFromDevice(NAME, link);
            for (Object array : held) graph.consumeFromDevice(NAME, array);
            graph.consumeFromDevice(Program.NAME, link);
        }
        for (Object array : own) graph.transferToDevice(DataTransferMode.FIRST_EXECUTION, array);
        hold(graph, Kernels.HOLD_FLOATS, own.stream().filter(FloatArray.class::isInstance).toList());
        hold(graph, Kernels.HOLD_INTS, own.stream().filter(IntArray.class::isInstance).toList());
        if (own.isEmpty()) Kernels.FILL.addTo(graph, "link", new Object[] {link, 1f, 1, 1});
        graph.persistOnDevice(link);
        for (Object array : own) graph.persistOnDevice(array);
        return graph.snapshot();
    }

    private void hold(TaskGraph graph, Kernel kernel, List<Object> arrays) {
        for (int from = 0; from < arrays.size(); from += Hold.MOST) {
            Object[] arguments = new Object[1 + Hold.MOST];
            arguments[0] = link;
            for (int i = 0; i < Hold.MOST; i++) arguments[i + 1] = arrays.get(Math.min(from + i, arrays.size() - 1));
            kernel.addTo(graph, kernel.name() + "_" + from / Hold.MOST, arguments);
        }
    }

    /** Copies an array back to its memory on the host, by a plan that begins with these graphs. */
    void download(TornadoExecutionPlan plan, Storage storage) {
        plan.withGraph(owners.get(storage)).execute().transferToHost(arrays.get(storage));
    }
}
