package dev.beamwright.transformer;

import dev.beamwright.autograd.Variable;
import dev.beamwright.tensor.Tensor;
import java.lang.foreign.SegmentAllocator;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

/**
 * A part of a network: a record whose components are parameters ({@link Variable}), layers, lists of layers, or
 * settings. The record is the whole definition: its parameters are found by walking the components, and the path
 * ({@code blocks.3.attention.query.weight}) is the parameter's name in a checkpoint. A component may be null where a
 * network has no such part.
 */
public interface Layer {
    /** All parameters below this layer by their path, in the order of the record components. */
    default Map<String, Variable> parameters() {
        Map<String, Variable> found = new LinkedHashMap<>();
        collect("", this, found);
        return found;
    }

    /** How many numbers are trained. */
    default long size() {
        return parameters().values().stream().mapToLong(Variable::size).sum();
    }

    /**
     * The same network, over the same parameter values, with gradients of its own: what a second worker needs to add up
     * the gradients of its share of a batch.
     */
    static <L extends Layer> L replica(L layer, SegmentAllocator memory) {
        return rebuild(layer, v -> new Variable(v.value(), Tensor.zeros(memory, v.shape())));
    }

    /** The same network with each parameter replaced. */
    @SuppressWarnings("unchecked")
    private static <L extends Layer> L rebuild(L layer, UnaryOperator<Variable> replace) {
        Map<Variable, Variable> seen = new java.util.IdentityHashMap<>();
        return (L) copy(layer, v -> seen.computeIfAbsent(v, replace));
    }

    private static Object copy(Object component, UnaryOperator<Variable> replace) {
        return switch (component) {
            case null -> null;
            case Variable v -> replace.apply(v);
            case Layer layer -> {
                RecordComponent[] components = components(layer);
                Object[] values = Arrays.stream(components)
                        .map(c -> copy(value(layer, c), replace))
                        .toArray();
                Class<?>[] types =
                        Arrays.stream(components).map(RecordComponent::getType).toArray(Class<?>[]::new);
                try {
                    Constructor<?> constructor = layer.getClass().getDeclaredConstructor(types);
                    constructor.setAccessible(true);
                    yield constructor.newInstance(values);
                } catch (ReflectiveOperationException e) {
                    throw new IllegalStateException("cannot rebuild " + layer.getClass(), e);
                }
            }
            case List<?> list -> {
                List<Object> copies = new ArrayList<>();
                for (Object element : list) copies.add(copy(element, replace));
                yield copies;
            }
            default -> component;
        };
    }

    private static void collect(String path, Object component, Map<String, Variable> found) {
        switch (component) {
            case null -> {}
            case Variable v -> {
                // A tied parameter keeps the first of its names.
                if (found.values().stream().noneMatch(known -> known == v)) found.put(path, v);
            }
            case Layer layer -> {
                for (RecordComponent c : components(layer)) collect(join(path, c.getName()), value(layer, c), found);
            }
            case List<?> list -> {
                for (int i = 0; i < list.size(); i++) collect(join(path, Integer.toString(i)), list.get(i), found);
            }
            default -> {}
        }
    }

    private static RecordComponent[] components(Layer layer) {
        if (!layer.getClass().isRecord())
            throw new IllegalStateException(layer.getClass() + " is a layer but no record");
        return layer.getClass().getRecordComponents();
    }

    private static Object value(Layer layer, RecordComponent component) {
        try {
            var accessor = component.getAccessor();
            accessor.setAccessible(true);
            return accessor.invoke(layer);
        } catch (IllegalAccessException | InvocationTargetException e) {
            throw new IllegalStateException("cannot read " + component + " of " + layer.getClass(), e);
        }
    }

    private static String join(String path, String name) {
        return path.isEmpty() ? name : path + "." + name;
    }
}
