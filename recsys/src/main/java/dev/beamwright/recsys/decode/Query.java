package dev.beamwright.recsys.decode;

import dev.beamwright.recsys.model.Sample;
import java.util.Arrays;
import java.util.List;

/**
 * What is asked of a search: the next items for a batch of users.
 *
 * @param histories the items of each user, oldest first
 * @param users the number of each user, {@link Sample#NOBODY} for one who is not known
 * @param eligible which items may be returned, by item; null for all
 * @param hideSeen whether items of a user's own history are left out
 */
public record Query(List<int[]> histories, int[] users, boolean[] eligible, boolean hideSeen) {
    /** All items, for users who are not known. */
    public static Query of(List<int[]> histories) {
        return of(histories, Sample.nobodies(histories.size()));
    }

    /** All items, for these users. */
    public static Query of(List<int[]> histories, int[] users) {
        return new Query(histories, users, null, false);
    }

    /** The same of these items only; null for all. */
    public Query among(boolean[] eligible) {
        return new Query(histories, users, eligible, hideSeen);
    }

    /** The same with items of the history left out, or not. */
    public Query hideSeen(boolean hide) {
        return new Query(histories, users, eligible, hide);
    }

    /** How many users there are. */
    public int size() {
        return users.length;
    }

    /** The same for the users from one place to before another. */
    public Query part(int from, int to) {
        return new Query(histories.subList(from, to), Arrays.copyOfRange(users, from, to), eligible, hideSeen);
    }

    /** The same for some of the users, by their place. */
    Query only(int[] places) {
        return new Query(
                Arrays.stream(places).mapToObj(histories::get).toList(),
                Arrays.stream(places).map(p -> users[p]).toArray(), eligible, hideSeen);
    }
}
