package dev.beamwright.recsys.decode;

import dev.beamwright.recsys.model.GenerativeModel;
import dev.beamwright.recsys.model.Likelihood;
import dev.beamwright.recsys.model.ModelConfig;
import dev.beamwright.recsys.model.Softmax;
import dev.beamwright.recsys.semanticid.SemanticIds;
import dev.beamwright.recsys.train.TrainedModel;
import dev.beamwright.tensor.Key;
import java.lang.foreign.Arena;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** One small untrained model of each backbone, for tests of decoding and of what is measured about it. */
public final class SmallModels {
    public static final int ITEMS = 60;

    private SmallModels() {}

    public static Stream<Object[]> modelsAndLikelihoods() {
        return Stream.of(
                new ModelConfig("decoder", 12, 2, 0, 3, 4, 10, true, false, 100, 0, 5),
                new ModelConfig("encoder-decoder", 12, 1, 2, 2, 4, 10, false, true, 1, 0, 5),
                new ModelConfig("item", 12, 1, 0, 3, 4, 10, false, true, 1, 0, 5, new ModelConfig.Item(3, .4, 7)))
                .flatMap(m -> Stream.of(new Likelihood(Softmax.LEVEL, 1), new Likelihood(Softmax.CHILDREN, 1.5f))
                        .filter(l -> !m.backbone().equals(ModelConfig.ITEM) || l.softmax() == Softmax.CHILDREN)
                        .map(l -> new Object[] {m, l}));
    }

    /** Items of which some share their codes. */
    public static GenerativeModel of(ModelConfig config, Arena memory) {
        int[][] codes = new int[ITEMS][];
        for (int i = 0; i < ITEMS; i++) {
            Key key = Key.of(2).fold(i);
            codes[i] = IntStream.range(0, 4).map(l -> key.below(l, l == 0 ? 4 : 3)).toArray();
        }
        return TrainedModel.create(config, new SemanticIds(new int[] {4, 3, 3, 3}, codes), Key.of(4), memory);
    }
}
