/** The recommender: data, item vectors, semantic IDs, models, objectives, decoding, evaluation, and the command line. */
@SuppressWarnings({"requires-automatic", "requires-transitive-automatic"}) module dev.beamwright.recsys {
    requires transitive dev.beamwright.transformer;
    requires transitive tools.jackson.databind;
    requires java.management;
    requires commons.math3;
    requires org.apache.commons.statistics.distribution;
    requires org.apache.commons.statistics.inference;
    requires transitive it.unimi.dsi.fastutil;
    requires info.picocli;

    exports dev.beamwright.recsys.baseline;
    exports dev.beamwright.recsys.confidence;
    exports dev.beamwright.recsys.data;
    exports dev.beamwright.recsys.decode;
    exports dev.beamwright.recsys.embedding;
    exports dev.beamwright.recsys.evaluate;
    exports dev.beamwright.recsys.model;
    exports dev.beamwright.recsys.objective;
    exports dev.beamwright.recsys.prm;
    exports dev.beamwright.recsys.reinforce;
    exports dev.beamwright.recsys.rank;
    exports dev.beamwright.recsys.serve;
    exports dev.beamwright.recsys.study;
    exports dev.beamwright.recsys.run;
    exports dev.beamwright.recsys.semanticid;
    exports dev.beamwright.recsys.train;

    uses dev.beamwright.recsys.cli.BenchCommand.Benchmark;
    uses dev.beamwright.recsys.objective.Objective;

    opens dev.beamwright.recsys.cli to info.picocli;
}
