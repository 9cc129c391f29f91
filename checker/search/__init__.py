"""The general linearizability search: for stores, and for the few operations of a lock that no exact kernel covers."""
